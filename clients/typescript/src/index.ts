export * from './generated/document-ids.ts';
export * from './generated/operations.ts';
export * from './generated/possible-types.ts';
export * from './session.ts';
