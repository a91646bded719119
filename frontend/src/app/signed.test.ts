import { beforeEach, expect, it } from "vitest";
import { forgetSignedIn, maybeSignedIn, rememberSignedIn } from "./signed";

beforeEach(() => localStorage.clear());

it("a browser that never signed in asks the server nothing", () => expect(maybeSignedIn()).toBe(false));

it("one that did asks, until it signs out", () => {
  rememberSignedIn();
  expect(maybeSignedIn()).toBe(true);
  forgetSignedIn();
  expect(maybeSignedIn()).toBe(false);
});
