/** For lists: a component that is drawn again only if one of its properties is another one. */
import { type Component, h, type VNode } from 'preact';

type Props = Readonly<Record<string, unknown>>;

export function memo<P extends object>(view: (props: P) => VNode | null): (props: P) => VNode {
  function Memo(this: Component<P>, props: P): VNode {
    this.shouldComponentUpdate = (next) => differs(this.props as Props, next as Props);
    return h(view as unknown as (props: Props) => VNode, props as Props) as VNode;
  }
  return Memo as unknown as (props: P) => VNode;
}

function differs(one: Props, other: Props): boolean {
  const names = Object.keys(other);
  return names.length !== Object.keys(one).length || names.some((name) => !Object.is(one[name], other[name]));
}
