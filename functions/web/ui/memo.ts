/** Rows of long lists are drawn again only if something about them has changed. */
import { useRef } from 'preact/hooks';
import { html, type VNode } from './html.ts';

type Props = Readonly<Record<string, unknown>>;

/** The same component, which is left alone while its properties are the same. */
export function memo<P extends object>(Component: (props: P) => VNode | null): (props: P) => VNode {
  return function Memo(props: P): VNode {
    const last = useRef<{ props: P; drawn: VNode } | null>(null);
    if (last.current === null || !isSame(last.current.props as Props, props as Props)) {
      last.current = { props, drawn: html`<${Component} ...${props} />` };
    }
    return last.current.drawn;
  };
}

function isSame(one: Props, other: Props): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length && names.every((name) => Object.is(one[name], other[name]))
  );
}
