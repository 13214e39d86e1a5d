import type { VNode } from 'preact';
export function Inbox(): VNode { return <div />; }
