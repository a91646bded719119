// Shown for the moment before anything is known.
export function Opening() {
  return (
    <div className="grid min-h-dvh place-items-center text-faint" role="status">
      Opening…
    </div>
  );
}
