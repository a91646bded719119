// Server-Sent Events over fetch, because EventSource cannot resume with its last id after a refusal, and hides why it failed.
import { problem } from "./errors";

export interface Message {
  event: string;
  id: string;
  data: string;
}

/** Feeds text in pieces; calls back for each whole message. Follows the HTML standard's line rules. */
export function parser(onMessage: (message: Message) => void): (text: string) => void {
  let rest = "";
  let event = "";
  let data: string[] = [];
  let lastId = "";
  const line = (text: string): void => {
    if (text === "") {
      if (data.length > 0) onMessage({ event: event || "message", id: lastId, data: data.join("\n") });
      event = "";
      data = [];
      return;
    }
    if (text.startsWith(":")) return;
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) lastId = value;
  };
  return (text) => {
    rest += text;
    // A lone CR at the end may be half of CRLF: wait for what follows.
    const parts = rest.split(/\r\n|\n|\r(?!$)/);
    rest = parts.pop() ?? "";
    parts.forEach(line);
  };
}

export type Connection = "connecting" | "live" | "offline";

interface StreamOptions {
  url: string;
  onMessage: (message: Message) => void;
  onConnection: (state: Connection) => void;
  /** Signed out: there is no point in trying again. */
  onSignedOut: () => void;
}

const SILENCE_MS = 60_000;

/** Keeps one stream open, resumes after the last id, backs off with jitter. Returns what ends it. */
export function openStream({ url, onMessage, onConnection, onSignedOut }: StreamOptions): () => void {
  const ended = new AbortController();
  let lastId = "";
  let failures = 0;
  let wake: (() => void) | null = null;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const hurry = (): void => wake?.();
  window.addEventListener("online", hurry);

  const once = async (): Promise<void> => {
    const attempt = new AbortController();
    const stop = (): void => attempt.abort();
    ended.signal.addEventListener("abort", stop);
    let silence = setTimeout(stop, SILENCE_MS);
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (lastId) headers["Last-Event-ID"] = lastId;
      const response = await fetch(url, { headers, credentials: "same-origin", cache: "no-store", signal: attempt.signal });
      if (!response.ok || !response.body) throw problem(response.status, undefined);
      onConnection("live");
      failures = 0;
      const feed = parser((message) => {
        if (message.id) lastId = message.id;
        onMessage(message);
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(stop, SILENCE_MS);
        feed(value);
      }
    } finally {
      clearTimeout(silence);
      ended.signal.removeEventListener("abort", stop);
    }
  };

  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      onConnection(failures > 1 ? "offline" : "connecting");
      try {
        await once();
      } catch (error) {
        if (ended.signal.aborted) return;
        if (error instanceof Error && "status" in error && error.status === 401) {
          onConnection("offline");
          onSignedOut();
          return;
        }
      }
      if (ended.signal.aborted) return;
      failures += 1;
      onConnection(failures > 1 ? "offline" : "connecting");
      await pause(Math.min(20_000, 500 * 2 ** Math.min(failures, 6)) * (0.5 + Math.random() / 2));
    }
  };
  void run();

  return () => {
    ended.abort();
    wake?.();
    window.removeEventListener("online", hurry);
  };
}
