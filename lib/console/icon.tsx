import type { JSX } from 'preact';

const line = {
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': 1.75,
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
} as const;

const shapes: Record<string, JSX.Element> = {
  send: <path {...line} d="M5 12h13M12.5 6l6 6-6 6" />,
  stop: <rect x="7" y="7" width="10" height="10" rx="1.5" fill="currentColor" />,
  picture: <path {...line} d="M4.5 6.5h15v11h-15zM5 16l4.5-4.5 3.5 3.5 2.5-2.5 3.5 3.5M15.5 9.6v.01" />,
  close: <path {...line} d="M7 7l10 10M17 7L7 17" />,
  plus: <path {...line} d="M12 5.5v13M5.5 12h13" />,
  back: <path {...line} d="M14.5 6l-6 6 6 6" />,
  edit: <path {...line} d="M5 19l.8-3.6L15.6 5.6l2.8 2.8-9.8 9.8zM13.8 7.4l2.8 2.8" />,
  bin: <path {...line} d="M5.5 7.5h13M9.5 7V5.5h5V7M7.5 7.5l.8 11h7.4l.8-11" />,
  down: <path {...line} d="M6 10l6 6 6-6" />,
  model: <path {...line} d="M12 4.5l1.7 5.3 5.3 1.7-5.3 1.7L12 18.5l-1.7-5.3L5 11.5l5.3-1.7z" />,
  device: (
    <path
      {...line}
      d="M6.5 6.5h11v11h-11zM10 3.5v3M14 3.5v3M10 17.5v3M14 17.5v3M3.5 10h3M3.5 14h3M17.5 10h3M17.5 14h3"
    />
  ),
  hand: <path {...line} d="M12 8v5M12 16.5v.01M12 3.8l9 15.7H3z" />,
};

/** A picture that says nothing by itself: screen readers pass over it. */
export function Icon({ name }: { name: string }) {
  if (name === 'mark')
    return (
      <svg class="mark" viewBox="0 0 40 40" aria-hidden="true">
        <rect width="40" height="40" rx="11" fill="#0b57d0" />
        <circle cx="20" cy="16" r="6" fill="#fff" />
        <path d="M11 29h18" stroke="#fff" stroke-width="3" stroke-linecap="round" />
      </svg>
    );
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      {shapes[name]}
    </svg>
  );
}
