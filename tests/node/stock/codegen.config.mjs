export default {
  schema: 'schema.graphql',
  documents: ['codegen.ts'],
  // As Node reads modules: with the endings of their files.
  importExtension: '.js',
  emitLegacyCommonJSImports: false,
  generates: {
    'generated/codegen/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { DateTime: 'string', Decimal: { input: 'string | number', output: 'string' } },
      },
    },
  },
};
