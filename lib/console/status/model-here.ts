import { signal } from '@preact/signals';

/** A model that somebody tried in this tab. */
export interface ModelHere {
  baseUrl: string;
  apiKey?: string;
  model: string;
}

/** The model for new conversations of this tab; undefined: that of the server. It is forgotten when the tab closes. */
export const modelHere = signal<ModelHere | undefined>(undefined);
