// An answer that was a refusal: a reason for the program, a sentence for the person.

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly reason: string;
  readonly sentence: string;
  readonly status: number;

  constructor(status: number, reason: string, sentence: string) {
    super(sentence);
    this.status = status;
    this.reason = reason;
    this.sentence = sentence;
  }
}

const byStatus: Record<number, string> = {
  401: "You are signed out. Sign in again.",
  403: "Your account may not do this.",
  404: "This is not there, or it is not yours.",
  409: "Someone changed this in the meantime. Reload and try again.",
  413: "This is more than the server takes at once.",
  422: "The server did not understand part of what was entered.",
  429: "Too many attempts. Wait a minute, then try again.",
  503: "The server is starting or its database is away. The page tries again by itself.",
};

/** Reads an RFC 9457 problem document; falls back to a sentence for the status. */
export function problem(status: number, body: unknown): ApiError {
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const reason = typeof fields["reason"] === "string" ? fields["reason"] : `http_${status}`;
  const detail = typeof fields["detail"] === "string" ? fields["detail"] : "";
  const fallback = byStatus[status] ?? "The server could not do this. Try again in a moment.";
  return new ApiError(status, reason, detail || fallback);
}
