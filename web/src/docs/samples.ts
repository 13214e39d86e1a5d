import csharp from '../../../tests/clients/Partner.cs?raw';
import java from '../../../tests/clients/Partner.java?raw';
import go from '../../../tests/clients/partner.go?raw';
import node from '../../../tests/clients/partner.mjs?raw';
import php from '../../../tests/clients/partner.php?raw';
import perl from '../../../tests/clients/partner.pl?raw';
import python from '../../../tests/clients/partner.py?raw';
import shell from '../../../tests/clients/partner.sh?raw';

/** What Redoc shows beside an operation (`x-codeSamples`). */
export interface CodeSample {
  lang: string;
  label: string;
  source: string;
}

/** A partner's whole client in each language: the very files that the suite runs against the service. */
export const SAMPLES: CodeSample[] = [
  { lang: 'bash', label: 'curl + openssl', source: shell },
  { lang: 'javascript', label: 'Node', source: node },
  { lang: 'python', label: 'Python', source: python },
  { lang: 'java', label: 'Java', source: java },
  { lang: 'php', label: 'PHP', source: php },
  { lang: 'csharp', label: 'C#', source: csharp },
  { lang: 'go', label: 'Go', source: go },
  { lang: 'perl', label: 'Perl', source: perl },
];
