import type { PieceName } from './pieces.ts';

export type WorkMessage =
  /** `piece`: what is to be made of the clip once it is prepared; absent: the source itself. */
  | { topic: 'prepare'; taskId: string; source: number; piece?: PieceName }
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
