import 'graphiql/setup-workers/vite';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import 'graphiql/graphiql.css';
import './graphiql.css';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { EXAMPLES } from './examples';
import { createFetcher } from './fetcher';
import { KeyIcon, PersonIcon } from './icons';
import { KeyPanel } from './KeyPanel';
import { SignIn } from './SignIn';
import { createStorage } from './storage';

const signIn = { title: 'Sign in', icon: PersonIcon, content: SignIn };
const signingKey = { title: 'Signing key', icon: KeyIcon, content: KeyPanel };
const plugins = [signIn, signingKey];
const fetcher = createFetcher();
const storage = createStorage();

const element = document.getElementById('graphiql');
if (element) {
  createRoot(element).render(
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      plugins={plugins}
      visiblePlugin={signIn}
      defaultTabs={EXAMPLES}
      initialVariables={EXAMPLES[0]?.variables ?? ''}
      shouldPersistHeaders={false}
      defaultEditorToolsVisibility="variables"
    >
      <GraphiQL.Logo>{null}</GraphiQL.Logo>
    </GraphiQL>,
  );
}
