// One door to the control plane: same origin, cookie session, the header that says "this is our page", problems as errors.
import { problem } from "./errors";

type Query = Record<string, string | number | undefined>;

export interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

export function address(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined && value !== "") search.set(key, String(value));
  const text = search.toString();
  return `/api/v1${path}${text ? `?${text}` : ""}`;
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-Guardian-Request"] = "1";
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(address(path, options.query), {
    method,
    headers,
    credentials: "same-origin",
    cache: "no-store",
    ...(options.body !== undefined ? { body: JSON.stringify(options.body) } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const text = await response.text();
  const body = parse(text);
  if (!response.ok) throw problem(response.status, body);
  return body as T;
}

function parse(text: string): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // A proxy's HTML page: the status alone speaks.
  }
}
