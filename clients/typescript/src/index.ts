export * from './generated/document-ids.ts';
export * from './generated/operations.ts';
export * from './session.ts';
