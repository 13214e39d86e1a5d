import type { VNode } from 'preact';
import type { OrderDetails } from '../../../../generated/documents';
import { differences } from './difference';

interface Props {
  /** As somebody read it when deciding. */
  read: OrderDetails;
  now: OrderDetails;
  close: () => void;
}

/** Somebody else was faster: what is another now, so that the decision can be taken anew. */
export function Conflict({ read, now, close }: Props): VNode {
  const found = differences(read, now);
  return (
    <section class="conflict" role="alert" aria-label="Conflict">
      <h2>The order changed while you decided; nothing of yours was done</h2>
      <p>
        You read version {read.version}, by now it is at version {now.version}.
        {found.length === 0 && ' Nothing that is shown here is another.'}
      </p>
      {found.length > 0 && (
        <div class="scrolls" tabIndex={0} role="region" aria-label="What changed">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">You read</th>
                <th scope="col">Now</th>
              </tr>
            </thead>
            <tbody>
              {found.map(({ label, read, now }) => (
                <tr key={label}>
                  <th scope="row">{label}</th>
                  <td>
                    <del>{read}</del>
                  </td>
                  <td>
                    <ins>{now}</ins>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <button type="button" onClick={close}>
        I have seen it
      </button>
    </section>
  );
}
