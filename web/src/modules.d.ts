/** The address of Redoc's bundle; `build/redoc.ts` makes it. */
declare module 'virtual:redoc' {
  const url: string;
  export default url;
}
