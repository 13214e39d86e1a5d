import type { VNode } from 'preact';

interface Props {
  /** The conditions by the names of their parameters, as people say them. */
  chips: { name: string; said: string }[];
  takeOut: (name: string) => void;
  takeOutAll: () => void;
}

/** The conditions that a list is under, each with a button that takes it out. */
export function Chips({ chips, takeOut, takeOutAll }: Props): VNode | null {
  if (chips.length === 0) return null;
  return (
    <ul class="chips" aria-label="Conditions">
      {chips.map(({ name, said }) => (
        <li key={name}>
          <span>{said}</span>
          <button type="button" aria-label={`Take out: ${said}`} onClick={() => takeOut(name)}>
            ×
          </button>
        </li>
      ))}
      <li class="all">
        <button type="button" class="plain" onClick={takeOutAll}>
          Take out all
        </button>
      </li>
    </ul>
  );
}
