import { render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router";
import { beforeAll, expect, it } from "vitest";
import { anEvent } from "@/test/events";
import type { GuardianEvent } from "@/api/types";
import { EventCard } from "./EventCard";

// jsdom has no layout, so nothing ever comes into view there.
class NothingInView implements IntersectionObserver {
  readonly root = null;
  readonly rootMargin = "";
  readonly scrollMargin = "";
  readonly thresholds = [];
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
  takeRecords(): IntersectionObserverEntry[] {
    return [];
  }
}

beforeAll(() => {
  globalThis.IntersectionObserver = NothingInView;
});

const show = (event: GuardianEvent) =>
  render(
    <MemoryRouter>
      <ul>
        <EventCard event={event} fresh={false} back="label=person" />
      </ul>
    </MemoryRouter>,
  );

it("says what, where and how long, and leads to the event", () => {
  show(anEvent(4));
  expect(screen.getByTestId("event-card")).toHaveAttribute("data-label", "person");
  expect(screen.getByText("Person")).toBeInTheDocument();
  expect(screen.getByText("· 7 s")).toBeInTheDocument();
  expect(screen.getByRole("link")).toHaveAttribute("href", `/events/${anEvent(4).id}`);
});

it("says in words that an event is still in progress", () => {
  show(anEvent(4, { end: null }));
  expect(screen.getByText("In progress")).toBeInTheDocument();
});

it("says in words that a clip was cut short", () => {
  const clip = { id: "ab".repeat(16), kind: "clip" as const, start: anEvent(4).start, end: anEvent(4).end, truncated: true };
  show(anEvent(4, { objects: [clip] }));
  expect(screen.getByText("Cut short")).toBeInTheDocument();
});

it("shows no picture while the vault is not open", () => {
  show(anEvent(4));
  expect(screen.queryByRole("img")).not.toBeInTheDocument();
});
