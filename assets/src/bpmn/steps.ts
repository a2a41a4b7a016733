/** What each button of the palette draws: an element of BPMN, and what Okno adds to it at first. */
export interface Step {
  type: string;
  event?: string;
  beside?: boolean; // sits on the border of another step
  holds?: boolean; // steps of its own, from a start to an end
  means?: [name: string, values: Record<string, string>, args?: Record<string, string>][];
}

export const STEPS: Record<string, Step> = {
  start: { type: "bpmn:StartEvent" },
  user: { type: "bpmn:UserTask", means: [["Assignee", { who: "owner" }]] },
  action: { type: "bpmn:ServiceTask", means: [["Action", { name: "" }]] },
  mail: { type: "bpmn:SendTask", means: [["Action", { name: "mail.send_template" }, { deal_id: "deal.id" }]] },
  notify: { type: "bpmn:ServiceTask", means: [["Notify", { who: "owner", text: "" }]] },
  task: { type: "bpmn:ServiceTask", means: [["Action", { name: "task.create" }, { deal_id: "deal.id" }]] },
  deal: { type: "bpmn:ServiceTask", means: [["Action", { name: "deal.create" }]] },
  webhook: { type: "bpmn:ServiceTask", means: [["Webhook", { url: "https://" }]] },
  wait: { type: "bpmn:IntermediateCatchEvent", event: "bpmn:TimerEventDefinition" },
  hear: { type: "bpmn:IntermediateCatchEvent", event: "bpmn:MessageEventDefinition", means: [["On", { event: "" }]] },
  decide: { type: "bpmn:ExclusiveGateway" },
  table: { type: "bpmn:BusinessRuleTask" },
  both: { type: "bpmn:ParallelGateway" },
  first: { type: "bpmn:EventBasedGateway" },
  part: { type: "bpmn:SubProcess", holds: true },
  overdue: { type: "bpmn:BoundaryEvent", event: "bpmn:TimerEventDefinition", beside: true },
  end: { type: "bpmn:EndEvent" },
};

/** What may follow a step by one click beside it. */
export const FOLLOWING = ["user", "action", "decide", "wait", "end"];
export const LOOKS: Record<string, string> = {
  user: "bpmn-icon-user-task",
  action: "bpmn-icon-service-task",
  decide: "bpmn-icon-gateway-xor",
  wait: "bpmn-icon-intermediate-event-catch-timer",
  end: "bpmn-icon-end-event-none",
};
