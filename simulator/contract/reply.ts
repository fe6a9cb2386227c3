/** An HTTP answer before it is written; `body` is sent as JSON, or as it is when it is a Buffer. */
export interface Reply {
  status: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** One event of an event stream. */
export interface ServerSentEvent {
  event?: string;
  id?: string;
  data: string;
}
