// Whether this browser has been signed in and not out: its cookie cannot be read here, and asking the server just to be refused is noise.

const KEY = "guardian.signed-in";

export function maybeSignedIn(): boolean {
  try {
    return window.localStorage.getItem(KEY) === "1";
  } catch {
    return true; // Blocked storage: only the server knows.
  }
}

export function rememberSignedIn(): void {
  try {
    window.localStorage.setItem(KEY, "1");
  } catch {
    // Blocked storage: the server is asked each time.
  }
}

export function forgetSignedIn(): void {
  try {
    window.localStorage.removeItem(KEY);
  } catch {
    // Nothing was stored then.
  }
}
