import redocUrl from 'virtual:redoc';
import { keepScrollable } from './accessibility';
import { at } from '../root';
import { showBeside, type Sample } from './beside';
import { addAnchors, goToAnchor } from './anchors';
import { theme } from './theme';

const DESCRIPTION = at('/api/v1/openapi.json');

interface OpenApi {
  info: { license?: unknown };
  tags?: { name: string; 'x-displayName'?: string }[];
  paths: Record<string, { post?: { 'x-codeSamples'?: Sample[] } }>;
}

declare global {
  interface Window {
    Redoc: {
      init(spec: OpenApi, options: object, element: HTMLElement, done: (error?: unknown) => void): void;
    };
  }
}

/** Redoc is no module: it is a script that puts one name into the window. */
function loadRedoc(): Promise<void> {
  const script = document.createElement('script');
  script.src = redocUrl;
  const loaded = new Promise<void>((resolve, reject) => {
    script.onload = () => resolve();
    script.onerror = () => reject(new Error(`${redocUrl} did not load`));
  });
  document.head.append(script);
  return loaded;
}

async function loadDescription(): Promise<OpenApi> {
  const answer = await fetch(DESCRIPTION);
  if (!answer.ok) throw new Error(`${DESCRIPTION} answered ${answer.status}`);
  const description = (await answer.json()) as OpenApi;
  // The licence of the program says nothing to those who call it.
  delete description.info.license;
  // In the menu the endpoints stand apart from the chapters before them, one of which is called like one of their tags.
  for (const tag of description.tags ?? []) tag['x-displayName'] = `Endpoints: ${tag.name}`;
  return description;
}

function draw(description: OpenApi, element: HTMLElement): Promise<void> {
  const options = {
    theme: theme(
      window.matchMedia('(prefers-color-scheme: dark)').matches,
      window.matchMedia('(max-width: 720px)').matches,
    ),
    downloadUrls: [{ title: 'Download', url: DESCRIPTION }],
    requiredPropsFirst: true,
    // Patterns are for programs; the text says the same in words.
    hideSchemaPattern: true,
    jsonSamplesExpandLevel: 3,
    nativeScrollbars: true,
    hideHostname: true,
    scrollYOffset: 0,
  };
  return new Promise((resolve, reject) => {
    window.Redoc.init(description, options, element, (error) => (error ? reject(error) : resolve()));
  });
}

async function show(element: HTMLElement): Promise<void> {
  const introduction = [...element.childNodes];
  try {
    const [description] = await Promise.all([loadDescription(), loadRedoc()]);
    await draw(description, element);
    addAnchors(element);
    keepScrollable(element);
    showBeside(element, description.paths['/api/v1/sales-orders']?.post?.['x-codeSamples'] ?? []);
    goToAnchor();
    element.dataset['drawn'] = 'true';
  } catch (error) {
    const reason = document.createElement('p');
    reason.className = 'column';
    reason.setAttribute('role', 'alert');
    reason.textContent = `The documentation could not be drawn: ${error instanceof Error ? error.message : 'unknown'}`;
    element.replaceChildren(...introduction, reason);
  }
}

const element = document.getElementById('reference');
if (element) void show(element);
