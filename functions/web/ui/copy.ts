/** Puts text into the clipboard, and says so. */
import { say } from './notice.ts';

/** @param said what is shown once it is there */
export async function copyText(text: string, said: string): Promise<void> {
  say(
    (await isCopied(text))
      ? said
      : 'Expected leave to use the clipboard, got none. Select the text and copy it.',
  );
}

async function isCopied(text: string): Promise<boolean> {
  try {
    // Browsers have it only on safe origins, which a machine in the local network is not.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return isCopiedBySelection(text);
  }
}

function isCopiedBySelection(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'hidden';
  // What is outside of an open dialog cannot be selected.
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isDone;
}
