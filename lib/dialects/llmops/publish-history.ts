import type { Publication } from '../../agents/publications.ts';
import { route, type Route } from '../../server/mount.ts';
import type { Parts } from '../dialect.ts';
import { checkDocuments } from '../documents.ts';
import { secondsOf } from '../unix-time.ts';
import { inWireWords } from './model-config.ts';
import { success } from './answer.ts';
import { numberedPageOf, numberedPageQuery, pageAnswer } from './page.ts';
import { pageShape, publicationShape, successShape } from './shapes.ts';

type HistoryParts = Pick<Parts, 'agents' | 'config' | 'checkAgent'>;

/** The published versions of an app, and the way back to one. Not in the seed: the paths are those of the course's later page. */
export function createPublishHistoryRoutes(parts: HistoryParts): Route[] {
  return [listHistory(parts), goBack(parts)];
}

function listHistory({ agents: { apps } }: HistoryParts): Route {
  return route({
    method: 'GET',
    path: '/apps/:app_id/publish-histories',
    summary: 'A page of the published versions of an app, newest first.',
    access: 'look at an app',
    app: 'app_id',
    query: numberedPageQuery,
    answer: successShape(pageShape(publicationShape)),
    async handle({ params, query, caller }) {
      const page = numberedPageOf(query);
      const { before, offset, size: limit } = page;
      const { publications, total } = await apps.publications(params.app_id, caller, {
        before,
        offset,
        limit,
      });
      return success(pageAnswer(publications.map(publicationAnswer), page, total));
    },
  });
}

/** The draft is what the owner tries. The published configuration stays until it is published anew. */
function goBack({ agents: { apps }, config, checkAgent }: HistoryParts): Route {
  return route({
    method: 'POST',
    path: '/apps/:app_id/fallback-history',
    summary: 'Makes a published version the draft of its app.',
    access: 'make an app',
    app: 'app_id',
    body: {
      type: 'object',
      required: ['app_config_version_id'],
      examples: [{ app_config_version_id: 'the id of a publication' }],
      properties: { app_config_version_id: { type: 'string', minLength: 1, maxLength: 100 } },
    },
    answer: successShape(),
    async handle({ params, body, caller }) {
      // Its keys come with it: they are stored with each publication.
      const version = await apps.publication(params.app_id, caller, body.app_config_version_id);
      checkDocuments(caller, version.config.documents, config.documents);
      await inWireWords(() => checkAgent(version.config, caller.id)); // its devices may be gone by now
      await apps.saveDraft(params.app_id, caller, version);
      return success();
    },
  });
}

function publicationAnswer({ id, number, createdAt }: Publication): object {
  return { id, version: number, created_at: secondsOf(createdAt) };
}
