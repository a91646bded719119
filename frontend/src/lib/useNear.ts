// Whether an element is near the viewport. One observer serves them all: a long timeline has thousands.
import { useEffect, useRef, useState, type RefObject } from "react";

const watched = new Map<Element, (near: boolean) => void>();
let observer: IntersectionObserver | null = null;

function watch(element: Element, tell: (near: boolean) => void): () => void {
  observer ??= new IntersectionObserver((entries) => entries.forEach((entry) => watched.get(entry.target)?.(entry.isIntersecting)), { rootMargin: "400px" });
  watched.set(element, tell);
  observer.observe(element);
  return () => {
    watched.delete(element);
    observer?.unobserve(element);
  };
}

export function useNear<T extends Element>(): [RefObject<T | null>, boolean] {
  const ref = useRef<T>(null);
  const [near, setNear] = useState(false);
  useEffect(() => (ref.current ? watch(ref.current, setNear) : undefined), []);
  return [ref, near];
}
