// Matchers for DOM assertions, a clean document after each test, and patience: on a busy machine a chunk loads slowly.
import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

configure({ asyncUtilTimeout: 20_000 });

afterEach(() => {
  cleanup();
});
