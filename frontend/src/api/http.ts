// One door to the control plane: same origin, cookie session, the header that says "this is our page", problems as errors.
import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "@/gen/api";
import { problem } from "./errors";

const ours: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") request.headers.set("X-Guardian-Request", "1");
    return request;
  },
};

export const client = createClient<paths>({
  baseUrl: typeof window === "undefined" ? "" : window.location.origin,
  credentials: "same-origin",
  cache: "no-store",
});
client.use(ours);

/** The stream is read by our own reader: it resumes, which EventSource does not do after a refusal. */
export const streamAddress = "/api/v1/events/stream" satisfies keyof paths;

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the server answered, or its refusal thrown as an ApiError. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw problem(response.status, error);
  return data as T;
}
