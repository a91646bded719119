import { expect, it } from "vitest";
import { sentence } from "@/ui/Feedback";
import { problem } from "./errors";

it("a problem document's own sentence is the one shown", () => {
  const error = problem(409, { reason: "fork", detail: "This chain forks." });
  expect([error.reason, sentence(error)]).toEqual(["fork", "This chain forks."]);
});

it("a refusal without a document still says what to do", () => {
  expect(sentence(problem(429, undefined))).toMatch(/Wait a minute/);
  expect(sentence(problem(418, "<html>"))).toMatch(/Try again/);
});

it("an unforeseen error is not shown raw", () => {
  expect(sentence(new Error("x is undefined at line 3"))).not.toContain("undefined");
});
