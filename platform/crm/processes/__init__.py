"""Business processes in BPMN 2.0."""
