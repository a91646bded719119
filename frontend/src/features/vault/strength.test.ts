import { describe, expect, it } from "vitest";
import { strengthOf } from "./strength";

describe("a secret's strength", () => {
  it.each(["", "short", "password1", "Guardian2026!", "qwerty123"])("refuses %s", (secret) => expect(strengthOf(secret).level).toBe(0));
  it("calls a long run of one letter weak", () => expect(strengthOf("aaaaaaaaaaaaaaaaaaaaaaaa").level).toBe(1));
  it("calls the same word over and over weak", () => expect(strengthOf("tiger tiger tiger tiger tiger").level).toBe(1));
  it("calls five unrelated words strong", () => expect(strengthOf("violet harbour candle tin roof").level).toBeGreaterThanOrEqual(2));
  it("counts people's own letters, not bytes", () => expect(strengthOf("дверьдв").level).toBe(0));
});
