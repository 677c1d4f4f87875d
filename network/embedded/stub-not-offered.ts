// What Fabric's stub has and the embedded ledger has not: refused plainly, not answered with a silent nothing.

export class NotOffered {
  getPrivateData(): Promise<never> {
    return missing('private data');
  }
  getPrivateDataHash(): Promise<never> {
    return missing('private data');
  }
  putPrivateData(): Promise<never> {
    return missing('private data');
  }
  deletePrivateData(): Promise<never> {
    return missing('private data');
  }
  purgePrivateData(): Promise<never> {
    return missing('private data');
  }
  getPrivateDataByRange(): Promise<never> {
    return missing('private data');
  }
  getPrivateDataByPartialCompositeKey(): Promise<never> {
    return missing('private data');
  }
  getPrivateDataQueryResult(): Promise<never> {
    return missing('private data');
  }
  setPrivateDataValidationParameter(): Promise<never> {
    return missing('private data');
  }
  getPrivateDataValidationParameter(): Promise<never> {
    return missing('private data');
  }
  getQueryResult(): Promise<never> {
    return missing('rich queries (use range or composite-key queries)');
  }
  getQueryResultWithPagination(): Promise<never> {
    return missing('rich queries (use range or composite-key queries)');
  }
  setStateValidationParameter(): Promise<never> {
    return missing('endorsement policies per key');
  }
  getStateValidationParameter(): Promise<never> {
    return missing('endorsement policies per key');
  }
  invokeChaincode(): Promise<never> {
    return missing('calls from one chaincode to another');
  }
  getSignedProposal(): never {
    throw new Error('the embedded ledger does not offer signed proposals in protobuf form');
  }
  getBinding(): never {
    throw new Error('the embedded ledger does not offer proposal bindings');
  }
}

function missing(what: string): Promise<never> {
  return Promise.reject(new Error(`the embedded ledger does not offer ${what}`));
}
