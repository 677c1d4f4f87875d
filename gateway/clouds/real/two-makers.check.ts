// One gateway on two real servers of different makers: what is kept on both, spoilt on one, and healed from the other.
import { expect } from 'chai';
import { z } from 'zod';
import { problemOf, text, World, type Visitor } from '../../e2e/world.js';
import type { Cloud } from '../cloud.js';
import { sha256 } from '../conformance/index.js';
import { hashOf } from '../copy-faults.js';
import { startAzurite, startGcs, startVersity, type RealServer } from './servers.js';

type Server = Pick<RealServer, 'cloud' | 'settings' | 'stop'>;

const pairs: readonly (readonly [string, () => Promise<Server>, () => Promise<Server>])[] = [
  ['versitygw at home, azurite second', startVersity, startAzurite],
  ['fake-gcs-server at home, versitygw second', startGcs, startVersity],
];

const healedSchema = z.looseObject({
  healed: z.array(z.looseObject({ cloud: z.string(), fault: z.string() })).optional(),
});

for (const [makers, startHome, startSecond] of pairs) {
  describe(`a gateway on two real servers: ${makers}`, function () {
    this.timeout(60_000);
    let servers: readonly [Server, Server];
    let home: Cloud;
    let second: Cloud;
    let world: World;
    let maria: Visitor;

    before(async () => {
      servers = [await startHome(), await startSecond()];
      home = await servers[0].cloud('records');
      second = await servers[1].cloud('records');
      const env: Record<string, string> = {
        PRMS_CLOUD_NAME: 'home',
        PRMS_CLOUD_SECOND_NAME: 'second',
        PRMS_CLOUD_REST_MS: '0',
        PRMS_CLOUD_ATTEMPTS: '2',
      };
      for (const [at, prefix] of ['PRMS_CLOUD', 'PRMS_CLOUD_SECOND'].entries()) {
        const settings = Object.entries(servers[at]?.settings('records') ?? {});
        for (const [name, value] of settings) env[prefix + name] = value;
      }
      world = await World.open({ env });
      await world.hospital('North');
      maria = await world.patient('Maria');
    });
    after(async () => {
      await world.close();
      for (const server of servers) await server.stop();
    });

    const names = async (cloud: Cloud) =>
      (await cloud.list('')).objects.map(({ objectName }) => objectName).sort();
    const spoil = async (
      cloud: Cloud,
      name: string,
      bytes = Buffer.from('not what was stored'),
    ) => {
      await cloud.delete(name);
      await cloud.putIfAbsent(name, bytes, { sha256: sha256(bytes) });
    };
    const imageOf = async (content: string) => {
      const { id, images } = await world.upload(maria, maria, { bytes: text(content) });
      const object = images[0]?.object ?? '';
      return { id, object, digest: await hashOf(home, object) };
    };
    const read = async (report: string) =>
      Buffer.from(await world.read(maria, maria, report)).toString();
    const healedOf = async (report: string) => {
      const shown = await maria.get(`/patients/${maria.userId}/reports/${report}`, healedSchema);
      return (shown.healed ?? []).map(({ cloud, fault }) => `${cloud}: ${fault}`);
    };
    /** Healing goes on behind the answer. */
    const healed = async (cloud: Cloud, object: string, digest: string | undefined) => {
      for (let tries = 0; tries < 200 && (await hashOf(cloud, object)) !== digest; tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await hashOf(cloud, object)).to.equal(digest);
    };

    it('keeps a report on both', async () => {
      const { id, object, digest } = await imageOf('kept twice');
      expect(digest).to.match(/^[0-9a-f]{64}$/);
      expect(await hashOf(second, object)).to.equal(digest);
      expect(await names(home))
        .to.deep.equal(await names(second))
        .and.include(object);
      expect(await read(id)).to.equal('kept twice');
    });

    it('reads on past a copy that is spoilt at home, and heals it', async () => {
      const { id, object, digest } = await imageOf('spoilt at home');
      await spoil(home, object);
      expect(await read(id)).to.equal('spoilt at home');
      await healed(home, object, digest);
      await world.gateway.services.scrubber.payNotes();
      expect(await healedOf(id)).to.deep.equal(['home: bad']);
    });

    it('heals by its rounds what is missing on the second', async () => {
      const { id, object, digest } = await imageOf('missing on the second');
      await second.delete(object);
      await world.gateway.services.scrubber.round();
      await healed(second, object, digest);
      expect(await healedOf(id)).to.deep.equal(['second: missing']);
    });

    it('is REPORT_DAMAGED when both are spoilt, and takes neither for the report', async () => {
      const { id, object } = await imageOf('spoilt on both');
      await spoil(home, object);
      await spoil(second, object);
      const { ticket } = await world.open(maria, maria, id);
      const answer = await world.content(maria, ticket);
      expect(problemOf(answer).code).to.equal('REPORT_DAMAGED');
    });
  });
}
