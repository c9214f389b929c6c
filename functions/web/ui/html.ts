/** Markup in modules: htm makes Preact's elements of template literals, so the page needs no build. */
import htm from 'htm';
import { type ComponentChildren, h, type VNode } from 'preact';

export type { ComponentChildren, VNode };

type Template = (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
/** As its types say to a CommonJS module. */
export const html = (htm as unknown as { bind(element: typeof h): Template }).bind(h);
