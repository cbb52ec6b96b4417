"""`schema` prints what editors need."""

import json

import pytest

from trialmill.check.json_schema.files import schema_of
from trialmill.cli.main import main


@pytest.mark.parametrize("what", ["file", "experiment", "trialtemplate"])
def test_the_schema_is_printed_as_it_is(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", what]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == schema_of(what)
    assert err == ""


def test_without_a_word_it_is_that_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema_of("file")


def test_the_schema_is_of_the_draft_that_editors_know(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert all("description" in field for field in fields_of(shown["definitions"]["Experiment"]))


def fields_of(schema: dict[str, object]) -> list[dict[str, object]]:
    """Every field of a schema of our own, but those that refer to another definition."""
    found = []
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    for field in properties.values():
        if "$ref" not in field:
            found += [field, *fields_of(field), *fields_of(field.get("items", {}))]
    return found
