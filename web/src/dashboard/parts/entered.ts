/** What was entered. An empty field is null, which leaves it to the service. */
export class Entered {
  private readonly data: FormData;

  constructor(form: HTMLFormElement) {
    this.data = new FormData(form);
  }

  text(name: string): string | null {
    return String(this.data.get(name) ?? '').trim() || null;
  }

  number(name: string): number {
    return Number(this.text(name) ?? 0);
  }
}
