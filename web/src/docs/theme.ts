/** Redoc's colours and type, so that the documentation looks like the other pages, by day and by night. */
export function theme(isDark: boolean, isNarrow: boolean): object {
  const sans = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', sans-serif";
  const mono = "ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace";
  const colours = isDark ? NIGHT : DAY;
  const method = { get: colours.good, post: colours.accent };
  return {
    spacing: { sectionVertical: 20, sectionHorizontal: isNarrow ? 16 : 40 },
    breakpoints: { small: '720px', medium: '1000px', large: '1150px' },
    colors: {
      primary: { main: colours.accent },
      success: { main: colours.good },
      error: { main: colours.bad },
      text: { primary: colours.text, secondary: colours.quiet },
      border: { light: colours.line, dark: colours.line },
      gray: { 50: colours.raised, 100: colours.line },
      responses: {
        success: { color: colours.good, backgroundColor: colours.raised, tabTextColor: '#7fd09a' },
        error: { color: colours.bad, backgroundColor: colours.raised, tabTextColor: '#ff9d94' },
        redirect: { color: colours.quiet, backgroundColor: colours.raised, tabTextColor: '#e4e9ee' },
        info: { color: colours.accent, backgroundColor: colours.raised, tabTextColor: '#74b9e8' },
      },
      // Labels with white text on them, in the menu and in the right column.
      http: { get: '#1b6b3a', post: '#0b5a8f', ...(isDark ? {} : method) },
    },
    schema: {
      linesColor: colours.line,
      typeNameColor: colours.quiet,
      typeTitleColor: colours.quiet,
      requireLabelColor: colours.bad,
      labelsTextSize: '13px',
      nestedBackground: colours.raised,
      arrow: { color: colours.quiet },
    },
    typography: {
      fontSize: '16px',
      lineHeight: '1.55',
      fontFamily: sans,
      smoothing: 'auto',
      optimizeSpeed: false,
      headings: { fontFamily: sans, fontWeight: '650', lineHeight: '1.25' },
      code: {
        fontSize: '14px',
        fontFamily: mono,
        color: colours.text,
        backgroundColor: colours.raised,
        wrap: false,
      },
      links: { color: colours.accent, visited: colours.accent, hover: colours.accent, textDecoration: 'underline' },
    },
    sidebar: {
      width: '280px',
      backgroundColor: colours.raised,
      textColor: colours.text,
      activeTextColor: colours.accent,
      groupItems: { activeBackgroundColor: colours.line, activeTextColor: colours.accent, textTransform: 'none' },
      level1Items: { activeBackgroundColor: colours.line, activeTextColor: colours.accent, textTransform: 'none' },
      arrow: { color: colours.quiet },
    },
    rightPanel: {
      backgroundColor: '#1d242c',
      textColor: '#e4e9ee',
      servers: {
        overlay: { backgroundColor: colours.raised, textColor: colours.text },
        url: { backgroundColor: colours.paper },
      },
    },
    codeBlock: { backgroundColor: '#11161b' },
    fab: { backgroundColor: colours.accent, color: colours.paper },
  };
}

const DAY = {
  paper: '#ffffff',
  raised: '#f5f7f9',
  line: '#d5dce3',
  text: '#1c2833',
  quiet: '#52606d',
  accent: '#0b5a8f',
  good: '#1b6b3a',
  bad: '#a8201a',
};

const NIGHT: typeof DAY = {
  paper: '#14191f',
  raised: '#1d242c',
  line: '#37424e',
  text: '#e4e9ee',
  quiet: '#a7b3bf',
  accent: '#74b9e8',
  good: '#7fd09a',
  bad: '#ff9d94',
};
