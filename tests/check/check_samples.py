"""An Experiment without a fault, and what the checks find in a text."""

from typing import Final

from trialmill.api.load import load_documents
from trialmill.api.problem import Problem
from trialmill.check.documents import Checked, check_documents

GOOD: Final = """\
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: mnist
  namespace: team
spec:
  objective:
    type: maximize
    goal: 0.99
    objectiveMetricName: accuracy
    additionalMetricNames:
      - loss
    metricStrategies:
      - name: accuracy
        value: latest
  algorithm:
    algorithmName: random
    algorithmSettings:
      - name: random_state
        value: "7"
  earlyStopping:
    algorithmName: medianstop
    algorithmSettings:
      - name: start_step
        value: "2"
  parallelTrialCount: 2
  maxTrialCount: 12
  maxFailedTrialCount: 3
  metricsCollectorSpec:
    collector:
      kind: File
    source:
      fileSystemPath:
        path: /var/log/metrics.log
        kind: File
        format: TEXT
      filter:
        metricsFormat:
          - "(\\\\w+)=([0-9.]+)"
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace:
        min: "0.01"
        max: "0.1"
        step: "0.01"
        distribution: logUniform
    - name: layers
      parameterType: int
      feasibleSpace:
        min: "1"
        max: "8"
    - name: batch
      parameterType: discrete
      feasibleSpace:
        list: ["16", "32"]
    - name: optimizer
      parameterType: categorical
      feasibleSpace:
        list: [sgd, adam]
  trialTemplate:
    primaryContainerName: training
    primaryPodLabels:
      role: training
    successCondition: status.conditions.#(type=="Complete")#|#(status=="True")#
    failureCondition: status.conditions.#(type=="Failed")#|#(status=="True")#
    trialParameters:
      - name: learningRate
        reference: lr
      - name: layers
        reference: layers
      - name: batch
        reference: batch
      - name: optimizer
        reference: optimizer
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        backoffLimit: 0
        template:
          metadata:
            labels:
              role: training
          spec:
            restartPolicy: Never
            containers:
              - name: training
                image: mnist
                command: [python3, train.py]
                args:
                  - --lr=${trialParameters.learningRate}
                  - --layers=${trialParameters.layers}
                  - --batch=${trialParameters.batch}
                env:
                  - name: OPTIMIZER
                    value: ${trialParameters.optimizer}
                resources:
                  limits:
                    cpu: 500m
              - name: logger
                image: logger
                command: ["true"]
"""


def check(text: str, file: str = "file.yaml") -> tuple[Checked | None, list[Problem]]:
    """What `validate` does with a file."""
    problems: list[Problem] = []
    checked = check_documents(load_documents(text.encode(), file, problems), problems)
    return checked, problems


def edited(*edits: tuple[str, str], text: str = GOOD) -> str:
    """The text with each first occurrence replaced; an edit that changes nothing is a mistake of the test."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
