// What a Mini PC is told before it is started for the first time. Only its name has to be given.
import { useEffect, useId, useRef, useState, type FormEvent } from "react";
import { useMutation } from "@tanstack/react-query";
import { api } from "@/api";
import type { GenericImage, GuardianNode, Images, SeededImage } from "@/api/types";
import { keys, queryClient } from "@/app/queries";
import { verifiedHousehold } from "@/app/vault";
import { announce } from "@/ui/announce";
import { Button } from "@/ui/Button";
import { Banner, Panel, sentence } from "@/ui/Feedback";
import { SelectField, TextField } from "@/ui/Field";
import { Icon, type IconName } from "@/ui/icons";
import { cx } from "@/ui/cx";
import { MoreSettings } from "./MoreSettings";
import { emptyWish, faultsOf, requestOf, type Wish } from "./wish";

interface Props {
  /** The first is taken where nobody chooses. */
  offered: GenericImage[];
  nodes: GuardianNode[];
  onMade: (image: SeededImage) => void;
  /** Not given where there is nothing else to do than this. */
  onCancel?: (() => void) | undefined;
}

const coming: [IconName, string][] = [
  ["download", "Download the image"],
  ["stick", "Write it to a stick"],
  ["device", "Start the Mini PC from it"],
  ["shield", "Compare ten words here"],
];

const always: (keyof Wish)[] = ["name", "image", "nodeId"];

export function ImageForm({ offered, nodes, onMade, onCancel }: Props) {
  const [wish, setWish] = useState<Wish>(emptyWish);
  const [tried, setTried] = useState(false);
  const [more, setMore] = useState(false);
  const moreId = useId();
  const form = useRef<HTMLFormElement>(null);
  const image = offered.some((item) => item.name === wish.image) ? wish.image : (offered[0]?.name ?? "");
  const node = nodes.length > 1 ? wish.nodeId || (nodes[0]?.id ?? "") : "";
  const faults = tried ? faultsOf(wish) : {};
  const set = (part: Partial<Wish>): void => setWish({ ...wish, ...part });

  const make = useMutation({
    mutationFn: async (wanted: Wish) => api.makeImage(requestOf(wanted, await verifiedHousehold())),
    onSuccess: (made) => {
      queryClient.setQueryData<Images>(keys.images, (known) => known && { ...known, seeded: [made, ...known.seeded] });
      void queryClient.invalidateQueries({ queryKey: keys.images });
      announce(`The image for ${made.name} is ready`);
      onMade(made);
    },
    // A passphrase may be in it: nothing of it outlives this form.
    gcTime: 0,
  });

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    const wrong = Object.keys(faultsOf(wish)) as (keyof Wish)[];
    if (wrong.some((field) => !always.includes(field))) setMore(true);
    if (wrong.length === 0) make.mutate({ ...wish, image, nodeId: node });
  };
  useEffect(() => {
    if (tried) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [tried, more]);

  return (
    <Panel title="Add a Mini PC" testId="image-form">
      <div className="grid gap-x-10 gap-y-6 lg:grid-cols-[minmax(0,1fr)_17rem]">
        <aside className="text-sm text-soft lg:order-last">
          <p>Guardian at home is a small computer of your own. Here you get its installer, made for your household.</p>
          <ol className="mt-4 grid gap-3 max-lg:hidden">
            {coming.map(([icon, text]) => (
              <li key={icon} className="grid grid-cols-[auto_minmax(0,1fr)] items-center gap-3">
                <span className="grid size-9 place-items-center rounded-full bg-primary-wash text-primary">
                  <Icon name={icon} size={18} />
                </span>
                {text}
              </li>
            ))}
          </ol>
        </aside>
        <form ref={form} noValidate autoComplete="off" onSubmit={submit} className="grid min-w-0 content-start gap-5">
          <TextField
            label="Name"
            hint="What you will call it, such as the room it stands in."
            data-testid="image-name"
            maxLength={64}
            autoComplete="off"
            value={wish.name}
            disabled={make.isPending}
            error={faults.name}
            onChange={(event) => set({ name: event.target.value })}
          />
          {offered.length > 1 && (
            <SelectField label="Image" value={image} disabled={make.isPending} onChange={(event) => set({ image: event.target.value })}>
              {offered.map((item) => (
                <option key={item.name} value={item.name}>
                  {`Version ${item.version} (${item.name})`}
                </option>
              ))}
            </SelectField>
          )}
          {nodes.length > 1 && (
            <SelectField label="Node" hint="Where it will send its sealed recordings." value={node} disabled={make.isPending} onChange={(event) => set({ nodeId: event.target.value })}>
              {nodes.map((item) => (
                <option key={item.id} value={item.id}>
                  {item.name || item.id.slice(0, 8)}
                </option>
              ))}
            </SelectField>
          )}
          <div>
            <button
              type="button"
              className="-ml-1 inline-flex min-h-11 items-center gap-2 rounded-md px-1 text-sm font-medium text-primary hover:underline"
              aria-expanded={more}
              aria-controls={moreId}
              data-testid="image-more"
              onClick={() => setMore(!more)}
            >
              <Icon name="down" size={18} className={cx("transition-transform", !more && "-rotate-90")} />
              More
            </button>
            <div id={moreId} hidden={!more}>
              <MoreSettings wish={wish} faults={faults} busy={make.isPending} set={set} />
            </div>
          </div>
          {make.error ? (
            <Banner tone="danger" icon="warning" title="No image was made">
              {sentence(make.error)}
            </Banner>
          ) : null}
          <div className="flex flex-wrap gap-3">
            <Button type="submit" look="primary" busy={make.isPending} data-testid="image-make">
              Prepare the image
            </Button>
            {onCancel && (
              <Button onClick={onCancel} disabled={make.isPending}>
                Cancel
              </Button>
            )}
          </div>
        </form>
      </div>
    </Panel>
  );
}
