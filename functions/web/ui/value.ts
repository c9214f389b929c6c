/** What a field has when it reports a change. */
export function typedIn(event: Event): string {
  return (event.target as HTMLInputElement).value;
}

export function isChecked(event: Event): boolean {
  return (event.target as HTMLInputElement).checked;
}
