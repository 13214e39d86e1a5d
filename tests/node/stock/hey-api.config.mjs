export default {
  input: process.env.DOCUMENT,
  // As Node reads modules: with the endings of their files.
  output: { path: 'generated/hey-api', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
};
