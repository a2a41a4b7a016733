"""Where the tokens of a run are: SpiffWorkflow, which moves them, and nothing more.

Data, rights, expressions and time are ours. SpiffWorkflow is asked who comes next; its conditions are answered by
whoever walks (`choose`), its timers fire when they are told to, its service tasks stop and wait until they are done.
What it knows goes to JSON and back here as plain lists of ours: neither code nor a class comes out of a stored state,
only names of elements that the published XML has.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.event_parsers import (
    BoundaryEventParser,
    EndEventParser,
    IntermediateCatchEventParser,
    StartEventParser,
)
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.specs.defaults import (
    BoundaryEvent,
    EndEvent,
    EventBasedGateway,
    IntermediateCatchEvent,
    StartEvent,
    UserTask,
)
from SpiffWorkflow.bpmn.specs.event_definitions.base import EventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.item_aware_event import ErrorEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.simple import NoneEventDefinition
from SpiffWorkflow.bpmn.specs.mixins import BpmnSpecMixin, SubWorkflowTaskMixin
from SpiffWorkflow.bpmn.specs.mixins.events.event_types import CatchingEvent
from SpiffWorkflow.bpmn.util.event import BpmnEvent
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

FORMAT = 1  # of the stored state; any other is refused
AT_ONCE = 500  # elements that one walk may pass before it waits
HERE = TaskState.READY | TaskState.WAITING | TaskState.STARTED
AHEAD = TaskState.PREDICTED_MASK | TaskState.FUTURE


class Lost(Exception):
    """A run that cannot go on: `element` is where, the message why, for whoever drew the process."""

    def __init__(self, words: str, element: str = ""):
        super().__init__(words)
        self.element = element


class Endless(Lost):
    """A run that goes round without ever waiting."""


# What SpiffWorkflow is told of our elements.


class Outside(EventDefinition):  # type: ignore[misc]
    """An event that comes from outside of the walk: a time, a message. It knows only which element waits for it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outside) and other.name == self.name

    __hash__ = None  # type: ignore[assignment]


class FromOutside:
    """Mixin of parsers: times and messages are told by us."""

    node: Any

    def parse_timer_event(self, _event: Any) -> EventDefinition:
        return Outside(self.node.get("id"))

    def parse_message_event(self, _event: Any) -> EventDefinition:
        return Outside(self.node.get("id"))


class AtOnce(StartEventParser):  # type: ignore[misc]
    """A run begins when it is started, whatever its start waits for in the drawing."""

    def get_event_definition(self, _xpaths: Any) -> EventDefinition:
        return NoneEventDefinition()


class Catching(FromOutside, IntermediateCatchEventParser):  # type: ignore[misc]
    pass


class Bordering(FromOutside, BoundaryEventParser):  # type: ignore[misc]
    pass


class Receiving(TaskParser):  # type: ignore[misc]
    def create_task(self) -> Any:
        return self.spec_class(self.spec, self.bpmn_id, event_definition=Outside(self.bpmn_id), **self.bpmn_attributes)


class Doing(BpmnSpecMixin):  # type: ignore[misc]
    """A service task: it stops here, and is completed when the work is done."""

    def _run_hook(self, _task: Task) -> None:
        return None


class Parser(BpmnParser):  # type: ignore[misc]
    OVERRIDE_PARSER_CLASSES = {
        full_tag("startEvent"): (AtOnce, StartEvent),
        full_tag("endEvent"): (EndEventParser, EndEvent),
        full_tag("manualTask"): (TaskParser, UserTask),
        full_tag("serviceTask"): (TaskParser, Doing),
        full_tag("sendTask"): (TaskParser, Doing),
        full_tag("businessRuleTask"): (TaskParser, Doing),
        full_tag("receiveTask"): (Receiving, IntermediateCatchEvent),
        full_tag("intermediateCatchEvent"): (Catching, IntermediateCatchEvent),
        full_tag("boundaryEvent"): (Bordering, BoundaryEvent),
    }


@dataclass(frozen=True)
class Specs:
    main: BpmnProcessSpec
    inner: dict[str, BpmnProcessSpec]


def specified(tree: Any, process_id: str) -> Specs:
    """The specifications of a process and its subprocesses. Raises SpiffWorkflow's ValidationException."""
    parser = Parser()
    parser.add_bpmn_xml(tree)
    return Specs(parser.get_spec(process_id), parser.get_subprocess_specs(process_id))


# The walk.


@dataclass(frozen=True)
class Token:
    """A place where a run waits: for a person (`user`), for work of ours (`service`), for a time or a message
    (`event`). At an event gateway each of the events behind it is one, with the gateway's id."""

    id: UUID
    element: str
    what: str


class Walk:
    """One run's way through its process. `choose` says whether a condition of a flow holds."""

    def __init__(self, specs: Specs, choose: Callable[[str], bool], state: dict[str, Any] | None = None):
        self.passed = 0
        self.flow = BpmnWorkflow(specs.main, specs.inner, Conditions(choose), deserializing=state is not None)
        if state is not None:
            restore(self.flow, state)

    @property
    def ended(self) -> bool:
        return bool(self.flow.completed)

    def go(self) -> None:
        """On, until everything waits. Raises Lost."""
        try:
            self.flow.do_engine_steps(will_complete_task=self.count)
        except WorkflowException as error:
            raise Lost(str(error), getattr(error.task_spec, "name", "") or "") from error

    def count(self, task: Task) -> None:
        self.passed += 1
        if self.passed > AT_ONCE:
            raise Endless("it goes round without ever waiting", task.task_spec.name)

    def tokens(self) -> list[Token]:
        found = []
        for task in self.flow.get_tasks(state=HERE):
            spec = task.task_spec
            if isinstance(spec, UserTask) and task.state == TaskState.READY:
                found.append(Token(task.id, spec.name, "user"))
            elif isinstance(spec, Doing) and task.state == TaskState.STARTED:
                found.append(Token(task.id, spec.name, "service"))
            elif isinstance(spec, EventBasedGateway) and task.state == TaskState.WAITING:
                found += [Token(task.id, event.name, "event") for event in spec.event_definition.event_definitions]
            elif isinstance(getattr(spec, "event_definition", None), Outside) and task.state == TaskState.WAITING:
                found.append(Token(task.id, spec.name, "event"))
        return found

    def finish(self, token: UUID) -> None:
        """The person or the work is done there."""
        task = self.at(token)
        if task.state == TaskState.READY:
            task.run()
        elif task.state == TaskState.STARTED:
            task.complete()

    def fire(self, token: UUID, element: str, *, again: bool = False) -> None:
        """The time has come there, or the message. With `again`, a boundary event lets one token go and waits on."""
        task = self.at(token)
        if again:
            for output in task.task_spec.outputs:
                child = task._add_child(output, TaskState.FUTURE)
                child.task_spec._predict(child, mask=TaskState.NOT_FINISHED_MASK)
                child.task_spec._update(child)
            return
        task.task_spec.catch(task, BpmnEvent(Outside(element)))
        task.task_spec._update(task)

    def fail(self, token: UUID, code: str) -> bool:
        """An error at a service task: whether a boundary event on it or around it takes it."""
        task = self.at(token)
        event = BpmnEvent(ErrorEventDefinition("", code), payload={})
        places: list[tuple[Any, Task]] = [(task.workflow, task)]
        while places[-1][0].parent_task_id is not None:
            outer = self.flow.get_task_from_id(places[-1][0].parent_task_id)
            places.append((outer.workflow, outer))
        for _workflow, place in places:
            for beside in place.parent.children if place.parent is not None else ():
                spec = beside.task_spec
                if isinstance(spec, BoundaryEvent) and spec.catches(beside, event):
                    spec.catch(beside, event)
                    spec._update(beside)
                    return True
        return False

    def at(self, token: UUID) -> Task:
        try:
            task = self.flow.get_task_from_id(token)
        except WorkflowException:
            task = None
        if task is None or not task.has_state(HERE):
            raise Lost("there is nothing at this place any more")
        return task

    def foresee(self) -> None:
        """What lies ahead of each place, by the specification that the state was put into. Raises Lost."""
        try:
            for task in self.flow.get_tasks(state=HERE):
                task.task_spec._predict(task, mask=TaskState.NOT_FINISHED_MASK)
        except WorkflowException as error:
            raise Lost(str(error), getattr(error.task_spec, "name", "") or "") from error

    def cancel(self) -> None:
        self.flow.cancel()

    def state(self) -> dict[str, Any]:
        return stored(self.flow)


class Conditions:
    """In the place of SpiffWorkflow's script engine: it evaluates nothing but conditions, and those by us."""

    def __init__(self, choose: Callable[[str], bool]):
        self.choose = choose

    def evaluate(self, _task: Task, expression: str, external_context: Any = None) -> bool:  # noqa: ARG002
        return self.choose(expression)

    def execute(self, *_args: Any, **_more: Any) -> None:
        raise Lost("scripts do not run here")

    call_service = execute


# State, as lists.


def stored(flow: BpmnWorkflow) -> dict[str, Any]:
    inner = [{"at": str(task_id), **tree_of(one)} for task_id, one in flow.subprocesses.items()]
    return {"format": FORMAT, **tree_of(flow), "inner": inner}


def tree_of(flow: Any) -> dict[str, Any]:
    return {
        "root": str(flow.task_tree.id),
        "last": str(flow.last_task.id) if flow.last_task is not None else None,
        "completed": flow.completed,
        "success": flow.success,
        "tasks": [row_of(task) for task in flow.tasks.values()],
    }


def row_of(task: Task) -> list[Any]:
    kept = {name: value for name, value in task.internal_data.items() if isinstance(value, bool | int | str)}
    parent = str(task._parent) if task._parent else None
    children = [str(child) for child in task._children]
    return [str(task.id), parent, children, task.task_spec.name, task.state, task.triggered, kept]


def restore(flow: BpmnWorkflow, state: dict[str, Any]) -> None:
    """Put a stored state into a fresh workflow. Raises Lost for one that is not of this format and specification."""
    if state.get("format") != FORMAT:
        raise Lost("its state is of another release")
    try:
        fill(flow, state)
        inner = {UUID(one["at"]): one for one in state["inner"]}
        for task, around in subprocess_tasks(flow):
            if task.id in inner:
                sub = BpmnSubWorkflow(flow.subprocess_specs[task.task_spec.spec], task.id, flow, deserializing=True)
                fill(sub, inner[task.id])
                flow.subprocesses[task.id] = sub
                sub.completed_event.connect(task.task_spec._on_subworkflow_completed, task)
                around.append(sub)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise Lost("its state does not fit the process") from error


def subprocess_tasks(flow: BpmnWorkflow) -> Iterator[tuple[Task, list[Any]]]:
    """Every task that is a subprocess, the outer before the inner; those restored are added to the list given."""
    around: list[Any] = [flow]
    for workflow in around:
        for task in list(workflow.tasks.values()):
            if isinstance(task.task_spec, SubWorkflowTaskMixin):
                yield task, around


def fill(flow: Any, tree: dict[str, Any]) -> None:
    for row_id, parent, children, spec, state, triggered, kept in tree["tasks"]:
        task = Task(flow, flow.spec.task_specs[spec], state=int(state), id=UUID(row_id))
        task._parent = UUID(parent) if parent else None
        task._children = [UUID(child) for child in children]
        task.triggered = bool(triggered)
        task.internal_data = dict(kept)
        flow.tasks[task.id] = task
        if isinstance(task.task_spec, CatchingEvent) and task.state == TaskState.WAITING:
            flow.top_workflow.event_manager.add_task(task)
    flow.task_tree = flow.tasks[UUID(tree["root"])]
    flow.last_task = flow.tasks.get(UUID(tree["last"])) if tree["last"] else None
    flow.completed, flow.success = bool(tree["completed"]), bool(tree["success"])
