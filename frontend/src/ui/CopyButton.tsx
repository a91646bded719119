// Puts a text into the clipboard, and says that it is there.
import { useState } from "react";
import { announce } from "./announce";
import { Button } from "./Button";

interface Props {
  text: string;
  /** What it is, for whoever hears it: "Recovery code". */
  what: string;
  label?: string;
  testId?: string;
}

export function CopyButton({ text, what, label = "Copy", testId }: Props) {
  const [copied, setCopied] = useState("");
  const done = copied === text;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(text);
    announce(`${what} copied`);
  };
  return (
    <Button icon={done ? "ok" : "copy"} aria-label={done ? undefined : `${label}: ${what}`} data-testid={testId} onClick={() => void copy()}>
      {done ? "Copied" : label}
    </Button>
  );
}
