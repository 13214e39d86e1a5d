/** What stands beside the guide, where Redoc leaves half of the page empty: a whole client, in a language to choose. */

export interface Sample {
  label: string;
  source: string;
}

const KEPT = 'docs:language';

export function showBeside(reference: HTMLElement, samples: Sample[]): void {
  const beside = document.querySelector<HTMLElement>('#beside');
  const language = document.querySelector<HTMLSelectElement>('#language');
  const code = document.querySelector<HTMLElement>('#sample');
  if (!beside || !language || !code || samples.length === 0) return;
  for (const { label } of samples) language.add(new Option(label, label));
  const kept = localStorage.getItem(KEPT);
  if (samples.some(({ label }) => label === kept)) language.value = kept as string;
  const show = (): void => {
    code.textContent = samples.find(({ label }) => label === language.value)?.source ?? '';
    code.scrollTo({ top: 0 });
  };
  show();
  language.addEventListener('change', () => {
    localStorage.setItem(KEPT, language.value);
    show();
  });
  keepBesideGuide(beside, reference);
  letCopy(code);
  beside.hidden = false;
}

/** It ends where the endpoints begin, which have samples of their own. */
function keepBesideGuide(beside: HTMLElement, reference: HTMLElement): void {
  const endpoints = reference.querySelector<HTMLElement>('[id^="tag/"]');
  const measure = (): void => {
    const end = endpoints?.getBoundingClientRect().top ?? reference.getBoundingClientRect().bottom;
    beside.style.height = `${end - reference.getBoundingClientRect().top}px`;
  };
  measure();
  new ResizeObserver(measure).observe(reference);
}

function letCopy(code: HTMLElement): void {
  const told = document.querySelector<HTMLElement>('#copied');
  document.querySelector('#copy')?.addEventListener('click', () => {
    const tell = (text: string): void => told?.replaceChildren(text);
    // Browsers copy by script over https and on this machine only.
    const copied = navigator.clipboard?.writeText(code.textContent ?? '') ?? Promise.reject(new Error());
    copied.then(() => tell('Copied.'), () => tell('Select the text to copy it.'));
  });
}
