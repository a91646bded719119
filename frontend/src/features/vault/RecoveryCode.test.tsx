import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { RecoveryCode } from "./RecoveryCode";

const CODE = "AAAA-BBBB-CCCC-DDDD-EEEE-F0F1-GGGG";

function show() {
  const stored = vi.fn();
  render(<RecoveryCode code={CODE} busy={false} submit="Finish" onStored={stored} />);
  const asked = Number(screen.getByTestId("recovery-retype").dataset["group"]);
  return { stored, group: CODE.split("-")[asked - 1] ?? "" };
}

it("shows the code whole, to be copied from the screen", () => {
  show();
  expect(screen.getByTestId("recovery-code")).toHaveTextContent(CODE);
});

it("lets nobody go on who has not stored it: the box alone is not enough, nor a wrong group", async () => {
  const { stored } = show();
  await userEvent.click(screen.getByTestId("recovery-stored"));
  expect(screen.getByTestId("vault-continue")).toBeDisabled();
  await userEvent.type(screen.getByTestId("recovery-retype"), "ZZZZ");
  expect(screen.getByRole("alert")).toHaveTextContent(/That is not group/);
  expect(screen.getByTestId("vault-continue")).toBeDisabled();
  expect(stored).not.toHaveBeenCalled();
});

it("goes on once the group is typed back, in whatever case", async () => {
  const { stored, group } = show();
  await userEvent.type(screen.getByTestId("recovery-retype"), group.toLowerCase());
  await userEvent.click(screen.getByTestId("recovery-stored"));
  await userEvent.click(screen.getByTestId("vault-continue"));
  expect(stored).toHaveBeenCalledOnce();
});
