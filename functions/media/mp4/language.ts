/** ISO 639-2: languages as MP4 names them. */

/** Two letters of ISO 639-1 and three of ISO 639-2/T. https://www.loc.gov/standards/iso639-2/ */
const CODES =
  'aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel ' +
  'bg:bul bh:bih bi:bis bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces ' +
  'cu:chu cv:chv cy:cym da:dan de:deu dv:div dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus ' +
  'fa:fas ff:ful fi:fin fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau ' +
  'he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk ' +
  'io:ido is:isl it:ita iu:iku ja:jpn jv:jav ka:kat kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ' +
  'ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit ' +
  'lu:lub lv:lav mg:mlg mh:mah mi:mri mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya na:nau nb:nob ' +
  'nd:nde ne:nep ng:ndo nl:nld nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss ' +
  'pa:pan pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron ru:rus rw:kin sa:san sc:srd sd:snd ' +
  'se:sme sg:sag si:sin sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp ss:ssw st:sot su:sun sv:swe ' +
  'sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi ' +
  'ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid yo:yor za:zha ' +
  'zh:zho zu:zul';
const CODE_OF = new Map(CODES.split(' ').map((pair) => pair.split(':') as [string, string]));
const UNKNOWN = 'und';

/** Three letters, such as "deu" for "de-AT"; "und" for what has none. @param tag BCP 47 */
export function languageCode(tag: string | undefined): string {
  if (tag === undefined) return UNKNOWN;
  try {
    const { language } = new Intl.Locale(tag);
    return language.length === 3 ? language : (CODE_OF.get(language) ?? UNKNOWN);
  } catch {
    return UNKNOWN;
  }
}

/** As `mdhd` has it: five bits each, and two bytes of nothing. @param code three letters */
export function packedLanguage(code: string): Buffer {
  const [first = 0, second = 0, third = 0] = Array.from(code, (letter) => letter.charCodeAt(0) - 0x60);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16BE((first << 10) | (second << 5) | third);
  return bytes;
}
