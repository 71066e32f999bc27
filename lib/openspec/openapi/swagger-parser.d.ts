/** The part of `@apidevtools/swagger-parser` that checks a document against the schema of its family; it has no types of its own. */
declare module '@apidevtools/swagger-parser/lib/validators/schema.js' {
  /** Throws an error with `details` (Ajv's errors) for a document that does not fit. It reads the document only. */
  export default function validateSchema(api: object): void;
}
