// The timeline's shape while it loads.
import { Skeleton } from "@/ui/Feedback";

export function TimelineSkeleton() {
  return (
    <div role="status">
      <span className="sr-only">Loading events</span>
      <Skeleton className="mb-4 h-5 w-52" />
      <div className="grid gap-3 sm:grid-cols-2 sm:gap-5 xl:grid-cols-3">
        {Array.from({ length: 6 }, (_, index) => (
          <div key={index} className="grid grid-cols-[8.5rem_1fr] gap-3 sm:block">
            <Skeleton className="aspect-video" />
            <div className="grid content-start gap-2 pt-2 sm:pt-3">
              <Skeleton className="h-4 w-2/3" />
              <Skeleton className="h-3 w-1/3" />
            </div>
          </div>
        ))}
      </div>
    </div>
  );
}
