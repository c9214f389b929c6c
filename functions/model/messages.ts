export type WorkMessage =
  | { topic: 'prepare'; taskId: string; source: number }
  | { topic: 'render'; taskId: string; index: number }
  | { topic: 'complete'; taskId: string }
  | { topic: 'webhook'; taskId: string };

export type DeadLetterMessage = {
  topic: 'dead-letter';
  taskId: string;
  message: WorkMessage;
  reason: string;
};

export type Message = WorkMessage | DeadLetterMessage;

export type Topic = Message['topic'];

export type MessageOf<T extends Topic> = Extract<Message, { topic: T }>;
