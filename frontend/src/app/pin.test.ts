import { beforeEach, describe, expect, it } from "vitest";
import { followsAnother } from "./RosterAlarm";
import { readPin, writePin } from "./pin";

const pin = (entries: number) => ({ household: "aa".repeat(16), entries, head: `${entries}`.padStart(64, "0") });

describe("what this browser remembers of the roster", () => {
  beforeEach(() => localStorage.clear());

  it("comes back, for its own tenant only", () => {
    writePin("home", pin(2));
    expect([readPin("home"), readPin("office")]).toEqual([pin(2), undefined]);
  });

  it("never goes backwards", () => {
    writePin("home", pin(5));
    writePin("home", pin(3));
    expect(readPin("home")).toEqual(pin(5));
  });

  it("is nothing when what is stored is broken", () => {
    localStorage.setItem("guardian.pin.home", '{"household":1}');
    expect(readPin("home")).toBeUndefined();
    localStorage.setItem("guardian.pin.home", "{");
    expect(readPin("home")).toBeUndefined();
  });
});

describe("an edge that follows another chain is found out", () => {
  const ours = ["a", "b", "c"];
  const edge = (entries: number, head: string) => ({ roster: { entries, head, fault: "" } });
  it("by the newest entry it names", () => expect(followsAnother(edge(2, "x"), ours)).toBe(true));
  it("but one that only lags behind is fine", () => expect(followsAnother(edge(2, "b"), ours)).toBe(false));
  it("and one that is ahead, or has none yet, is not judged", () => {
    expect(followsAnother(edge(4, "d"), ours)).toBe(false);
    expect(followsAnother(edge(0, ""), ours)).toBe(false);
  });
});
