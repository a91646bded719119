import { QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { queryClient } from "@/app/queries";
import type { GuardianNode } from "@/api/types";
import { ImageForm } from "./ImageForm";

const image = (version: string) => ({ name: `guardian-edge-${version}.iso`, version, sha256: "5e".repeat(32), size: 600_000_000 });
const node = (name: string): GuardianNode => ({ id: name.repeat(32).slice(0, 32), name, online: true, last_seen: null, relay_url: "", software_version: "1" });

function show(offered = [image("0.3.0")], nodes = [node("a")]) {
  const made = vi.fn();
  render(
    <QueryClientProvider client={queryClient}>
      <ImageForm offered={offered} nodes={nodes} onMade={made} />
    </QueryClientProvider>,
  );
  return made;
}

it("asks for a name, and for nothing else in sight", () => {
  show();
  expect(screen.getByLabelText("Name")).toBeVisible();
  expect(screen.getByTestId("image-passphrase")).not.toBeVisible();
  expect(screen.queryByLabelText("Node")).not.toBeInTheDocument();
  expect(screen.queryByLabelText("Image")).not.toBeInTheDocument();
});

it("of several images it takes the first, and says where a choice is to be made", () => {
  show([image("0.4.0"), image("0.3.0")], [node("a"), node("b")]);
  expect(screen.getByLabelText("Image")).toHaveValue("guardian-edge-0.4.0.iso");
  expect(screen.getByLabelText("Node")).toHaveValue("a".repeat(32));
});

it("what is wrong behind More opens it, and the first such field is gone to", async () => {
  const made = show();
  await userEvent.type(screen.getByLabelText("Name"), "Hall");
  await userEvent.click(screen.getByTestId("image-more"));
  await userEvent.type(screen.getByTestId("image-ssid"), "Home");
  await userEvent.click(screen.getByTestId("image-more"));
  await userEvent.click(screen.getByTestId("image-make"));
  expect(screen.getByTestId("image-passphrase")).toBeVisible();
  expect(screen.getByTestId("image-passphrase")).toHaveFocus();
  expect(screen.getByRole("alert")).toHaveTextContent(/8 to 63/);
  expect(made).not.toHaveBeenCalled();
});

it("says in red what an installation without asking does, and only once it is wanted", async () => {
  show();
  await userEvent.click(screen.getByTestId("image-more"));
  expect(screen.queryByText(/wipes a disk without asking/)).not.toBeInTheDocument();
  await userEvent.click(screen.getByTestId("image-unattended"));
  expect(screen.getByText(/even if that holds data/)).toBeVisible();
});

it("with a locked vault no image is asked for: nobody could say whose it would be", async () => {
  const made = show();
  await userEvent.type(screen.getByLabelText("Name"), "Hall");
  await userEvent.click(screen.getByTestId("image-make"));
  expect(await screen.findByText("The vault is locked. Open it and try again.")).toBeInTheDocument();
  expect(made).not.toHaveBeenCalled();
});
