"""The way to the normal form, whatever the form."""

import pytest
from forms_samples import documents, line_of, normalized, template_of, with_template

from trialmill.api.document import Mark
from trialmill.api.marked import marked, unmarked
from trialmill.api.problem import Problem
from trialmill.api.read_template import FORMS
from trialmill.api.tree import get
from trialmill.check.documents import check_documents
from trialmill.forms.normalize import MANIFEST_FORMS

NORMAL = """\
trialParameters:
  - {name: lr, reference: lr}
trialSpec:
  apiVersion: batch/v1
  kind: Job
  spec: {}
"""


def test_a_document_in_the_normal_form_is_given_back_as_it_is() -> None:
    (document,) = documents(with_template(NORMAL))
    assert normalized(with_template(NORMAL)).document == document


def test_a_document_taken_apart_and_put_together_is_the_same() -> None:
    (document,) = documents(with_template(NORMAL))
    again = unmarked(marked(document), document)
    assert (again.tree, again.values, again.keys, again.texts) == (
        document.tree,
        document.values,
        document.keys,
        document.texts,
    )


def test_a_node_that_is_made_stands_where_it_was_made_from() -> None:
    root = marked(documents("a:\n  b: 1\n")[0])
    node = root.fields["a"].fields["b"]
    root.fields["c"] = node.made({"d": [1, 2]})
    document = unmarked(root, documents("a: 1")[0])
    assert get(document.tree, "c", "d", 1) == 2
    assert document.mark(("c", "d", 1)) == Mark("sample.yaml", 2, 6)
    assert document.origin(("c", "d", 1)) == ("a", "b")


def test_two_forms_of_the_same_thing_are_an_error_that_names_both_places() -> None:
    text = with_template(NORMAL + "trialParams:\n  - {name: lr}\n")
    result = normalized(text)
    (problem,) = result.problems
    assert problem.code == "mixed-forms"
    assert problem.line == line_of(text, "trialParams:")
    assert f"trialParameters in line {line_of(text, 'trialParameters:')}" in problem.message


def test_problems_of_a_rewritten_document_have_the_paths_of_the_file() -> None:
    text = with_template("""\
        trialParams:
          - {name: --lr}
          - {name: num-layers}
        trialSpec:
          apiVersion: batch/v1
          kind: Job
          spec:
            template:
              spec:
                restartPolicy: Never
                containers:
                  - {name: c, image: i, comand: [echo, "${trialParams.--lr}", "${trialParams.num-layers}"]}
        """)
    problems: list[Problem] = []
    check_documents(documents(text), problems)
    (wrong,) = [p for p in problems if p.code == "unknown-field"]
    assert (wrong.line, wrong.path) == (
        line_of(text, "comand"),
        "spec.trialTemplate.trialSpec.spec.template.spec.containers[0].comand",
    )


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("--lr", "lr"),
        ("lr", "lr"),
        ("trial_name", "${trialSpec.Name}"),
        ("trialNamespace", "${trialSpec.Namespace}"),
        ("other", "other"),
    ],
)
def test_a_proposed_parameter_refers_to_a_search_parameter_or_to_metadata(name: str, reference: str) -> None:
    result = normalized(with_template(f"trialParams:\n  - {{name: {name}}}\ntrialSpec: {{}}\n"))
    declared = get(template_of(result), "trialParameters", 0)
    assert declared == {"name": name.lstrip("-"), "reference": reference}


def test_the_reader_knows_the_fields_of_all_forms_to_tell_of_a_slip_in_one() -> None:
    assert set(FORMS) == MANIFEST_FORMS.keys() - {"trialSpec"}
