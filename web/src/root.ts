/** The address of a path of the service, which may be below a prefix (`http.public_url`): the server writes it into the page. */
export function at(path: string): string {
  return `${document.documentElement.dataset.root ?? '/'}${path.slice(1)}`;
}
